"""The command line: everything that an operator, an admin or an auditor types."""
