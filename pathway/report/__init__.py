"""Reports: views of a Walk. Each module makes one format and computes nothing about the case."""
