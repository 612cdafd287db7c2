"""What earlier versions wrote, and what the present one makes of it."""
