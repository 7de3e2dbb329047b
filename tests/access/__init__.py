"""Can everybody use the course? Words for every picture, colours, and no cue by colour alone.

Keys and names of controls are tested in a browser: tests/browser/keyboard.py.
"""
