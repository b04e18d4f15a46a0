"""Push a monitor's figures out to other systems, in the background and without hurting anybody."""
