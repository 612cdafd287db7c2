"""What tests share: one word for one thing, whatever package is tested."""
