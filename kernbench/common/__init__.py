"""What every layer may use: units, names, errors, messages and the operations of a kernel."""
