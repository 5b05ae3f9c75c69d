FROM a
USER ${A=x}
