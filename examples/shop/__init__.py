"""An order book: customers, products and orders in SQLite, handed out as JSON."""
