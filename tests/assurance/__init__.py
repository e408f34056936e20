"""What is promised about model files: explained truly, and never let out."""
