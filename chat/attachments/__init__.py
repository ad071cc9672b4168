"""Files of messages: how they come (tus), where they are kept, what is made of them, who gets them."""
