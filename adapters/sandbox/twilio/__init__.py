"""A Twilio that runs on this machine: it takes text messages, and sends none.

Beside the API (`/twilio/2010-04-01`) there are controls for tests (`/twilio/_sandbox`): the messages that were
taken, and answers that fail.
"""
