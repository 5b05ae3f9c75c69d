FROM a
CMD ["sleep", 1]
