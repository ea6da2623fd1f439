"""What `groundwire demo` runs on: recorded answers, a server that replays them, the example application."""
