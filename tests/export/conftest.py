from tests.stand_ins import few_data

__all__ = ["few_data"]
