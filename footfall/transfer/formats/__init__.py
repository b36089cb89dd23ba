"""The formats of an export, one module each: what makes a file of an extract, and a chunk of it at a time."""
