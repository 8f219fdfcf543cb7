"""What runs inside the containment: the fork server and the walls it puts around each job.

Standard library only, relative imports only: the server is started by path, where the rest of crrl is not visible.
"""
