"""Pictures and charts in patient axes; knows no page."""
