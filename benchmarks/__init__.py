"""The figures of the documents, measured side by side on this machine: `make bench`."""
