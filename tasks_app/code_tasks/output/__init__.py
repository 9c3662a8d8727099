"""Reading what a program left in its working folder. Pure: no rows."""
