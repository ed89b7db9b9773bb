"""Other people's ways beside ours, to agree with and to be measured against; nothing here trains a user's network."""
