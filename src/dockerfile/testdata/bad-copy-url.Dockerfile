FROM a
COPY https://example.com/x /x
