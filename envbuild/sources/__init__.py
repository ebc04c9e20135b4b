"""Where locked artifacts come from."""
