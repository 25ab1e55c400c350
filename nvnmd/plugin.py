"""The module that ``deepmd_tf`` imports when it loads its plug-ins. It has no component to register yet."""
