"""How everything behaves; hershey-fonts installs a package of this name, which must not come first."""
