"""The portfolio on the order engine: all order types, costs and limits, for symbols that share cash."""
