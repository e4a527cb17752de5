"""What `manage_results.py` does."""
