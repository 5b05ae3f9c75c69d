FROM a
RUNN pip install fastapi
