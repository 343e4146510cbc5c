"""What becomes of a model's answer: when to stop, what to cut, what to keep silent about, where a finding belongs."""
