FROM a
CMD --verbose run
