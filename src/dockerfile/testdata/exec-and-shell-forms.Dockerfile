FROM a
RUN ["a", "b c", "\u00e9\n"]
RUN [ -f x ] && y
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN a | b
CMD a b
ENTRYPOINT ["e"]
ENTRYPOINT e $HOME
CMD []
HEALTHCHECK --interval=30s --timeout=1m30s --retries=3 CMD curl -f http://localhost/
HEALTHCHECK --start-period=500ms CMD ["curl", "x"]
HEALTHCHECK NONE
