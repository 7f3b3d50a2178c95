"""What proves and is not product: closed forms, standards, published answers and orders, computed now."""
