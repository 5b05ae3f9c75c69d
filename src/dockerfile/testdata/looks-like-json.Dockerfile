FROM a
CMD ['python', 'worker.py']
