"""The Kanboard server: its JSON-RPC API, what it accepts, what it holds."""
