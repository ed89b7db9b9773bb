"""What a network has learned: counts of what it says, and pictures of them. Knows arrays, not runs."""
