"""What Kaggle's benchmark SDK and command line call."""
