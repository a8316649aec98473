"""What the simulator remembers, in one SQLite file: objects, agenda, events to deliver, answers already given."""
