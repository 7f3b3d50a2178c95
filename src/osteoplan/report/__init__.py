"""One self-contained page from one result: typed views, pictures in patient axes, a template with loops."""
