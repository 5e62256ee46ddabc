"""What lays the demo out for others: as a Hugging Face Space, and as a page that needs no server."""
