"""What a server holds, written so that people can read it and Kanport can read it back."""
