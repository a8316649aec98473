"""May this person watch this now, and which facts say so?"""
