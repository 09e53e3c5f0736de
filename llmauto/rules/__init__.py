"""Pure rules: values in, values out, one question a module."""
