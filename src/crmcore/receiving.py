"""What providers say of their own accord: webhooks, read and taken into the river."""
