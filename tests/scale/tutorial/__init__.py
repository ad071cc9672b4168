"""The other side of the comparison: a chat as the Channels tutorial teaches it, with the insert that it leaves out."""
