from tests.stand_ins import data_files, data_folder, eagerly, few_data

__all__ = ["data_files", "data_folder", "eagerly", "few_data"]
