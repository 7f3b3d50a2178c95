"""The procedure sheet: one page for the room."""
