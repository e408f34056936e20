"""What is promised about faults: whatever dies, hangs or is wrong, nothing is half done."""
