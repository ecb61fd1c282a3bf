"""Makes this folder's files: `pip install sqlalchemy passlib argon2-cffi "bcrypt<4.1"`, then `python make.py`.

app.db has the two tables that the FastAPI project's models make, filled through SQLAlchemy as it fills them.
Everybody's password is "correct horse"; the parameters are small so that tests are quick.
"""

import csv
import json
import os
from datetime import datetime

from passlib.hash import argon2, bcrypt
from sqlalchemy import TIMESTAMP, Boolean, Column, ForeignKey, Integer, String, Text, create_engine
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()


class Auth(Base):
    __tablename__ = "auth"
    uid = Column(Integer, primary_key=True, autoincrement=True)
    username = Column(String(255), nullable=False)
    email = Column(String(255), nullable=False, unique=True)
    password = Column(String(255), nullable=False)
    is_active = Column(Boolean, default=True)
    create_time = Column(TIMESTAMP, default=datetime.utcnow)
    update_time = Column(TIMESTAMP, default=datetime.utcnow)


class Token(Base):
    __tablename__ = "token"
    token_id = Column(Integer, primary_key=True, autoincrement=True)
    uid = Column(Integer, ForeignKey("auth.uid"), nullable=False)
    access_token = Column(Text, nullable=False)
    refresh_token = Column(Text, nullable=False)
    created_at = Column(TIMESTAMP, default=datetime.utcnow)
    expires_at = Column(TIMESTAMP, nullable=False)


PASSWORD = "correct horse"


def ARGON2(password):
    return argon2.using(type="ID", memory_cost=256, rounds=1, parallelism=1).hash(password)


PEOPLE = [
    # uid, email, username, hash, is_active, created
    (1, "jack@example.com", "jack", ARGON2(PASSWORD), True, datetime(2025, 11, 29, 21, 47, 32, 654222)),
    (2, "Jill@Example.com", "Jill", ARGON2(PASSWORD), None, datetime(2025, 11, 30, 8, 0, 0)),
    (5, "jürgen@bücher.example", "Jürgen Müller", bcrypt.using(rounds=4).hash(PASSWORD), False, None),
    (40, "mallory@example.com", 'Mallory, "M."', ARGON2(PASSWORD), True, datetime(2026, 1, 2, 3, 4, 5, 6000)),
]


def stamp(moment):
    return moment and moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


os.path.exists("app.db") and os.remove("app.db")
engine = create_engine("sqlite:///./app.db", future=True)
Base.metadata.create_all(bind=engine)
with sessionmaker(bind=engine)() as session:
    for uid, email, username, password, is_active, created in PEOPLE:
        auth = Auth(uid=uid, email=email, username=username, password=password)
        session.add(auth)
        session.flush()
        # A default does not let NULL in; rows from before the column have it.
        given = {"is_active": is_active, "create_time": created, "update_time": created}
        session.execute(Auth.__table__.update().where(Auth.uid == uid).values(**given))
    session.add(Token(uid=1, access_token="a.b.c", refresh_token="d.e.f", expires_at=datetime(2026, 1, 1)))
    session.commit()
engine.dispose()

with open("users.jsonl", "w", encoding="utf-8") as file:
    for uid, email, username, password, is_active, created in PEOPLE:
        row = {"uid": uid, "email": email, "username": username, "is_active": is_active is not False}
        row |= {"roles": ["admin", "ops"] if uid == 1 else [], "email_verified": uid == 1}
        row |= {"created_at": stamp(created), "updated_at": stamp(created), "password_hash": password}
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")

with open("users.csv", "w", encoding="utf-8", newline="") as file:
    out = csv.writer(file)
    out.writerow("uid email username is_active roles email_verified created_at updated_at password_hash".split())
    for uid, email, username, password, is_active, created in PEOPLE:
        roles = "admin;ops" if uid == 1 else ""
        flag = "" if is_active is None else str(is_active).lower()
        out.writerow([uid, email, username, flag, roles, str(uid == 1).lower(), stamp(created), stamp(created), password])
