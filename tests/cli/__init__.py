"""The commands as an operator types them, in processes of their own."""
