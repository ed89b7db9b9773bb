"""The lab: a page on this machine where a person starts trainings, watches them and takes them apart."""
