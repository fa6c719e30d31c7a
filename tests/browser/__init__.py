"""Web push in a real Firefox: nothing of it is faked between the campaign and the click on the notification."""
