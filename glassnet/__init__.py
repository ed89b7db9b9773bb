"""A neural network you can see through. Importing this costs nothing; import the rooms, such as `glassnet.nn`."""

__version__ = "0.1.0"
