CREATE TABLE dbo.airlines (
  carrier char(2) NOT NULL PRIMARY KEY,
  name nvarchar(60) NOT NULL
);
CREATE TABLE dbo.airports (
  faa char(3) NOT NULL PRIMARY KEY,
  name nvarchar(80) NOT NULL,
  lat float NOT NULL,
  lon float NOT NULL,
  alt int NOT NULL,
  tz smallint NOT NULL,
  dst char(1) NOT NULL,
  tzone varchar(40) NULL
);
CREATE TABLE dbo.planes (
  tailnum varchar(6) NOT NULL PRIMARY KEY,
  year smallint NULL,
  type varchar(30) NOT NULL,
  manufacturer varchar(40) NOT NULL,
  model varchar(30) NOT NULL,
  engines tinyint NOT NULL,
  seats smallint NOT NULL,
  speed smallint NULL,
  engine varchar(20) NOT NULL
);
CREATE TABLE dbo.weather (
  origin char(3) NOT NULL,
  year smallint NOT NULL,
  month tinyint NOT NULL,
  day tinyint NOT NULL,
  hour tinyint NOT NULL,
  temp float NULL,
  dewp float NULL,
  humid float NULL,
  wind_dir smallint NULL,
  wind_speed float NULL,
  wind_gust float NULL,
  precip decimal(5,2) NOT NULL,
  pressure decimal(6,1) NULL,
  visib real NOT NULL,
  time_hour datetime2(0) NOT NULL
);
CREATE TABLE dbo.flights (
  year smallint NOT NULL,
  month tinyint NOT NULL,
  day tinyint NOT NULL,
  dep_time smallint NULL,
  sched_dep_time smallint NOT NULL,
  dep_delay smallint NULL,
  arr_time smallint NULL,
  sched_arr_time smallint NOT NULL,
  arr_delay smallint NULL,
  carrier char(2) NOT NULL,
  flight int NOT NULL,
  tailnum varchar(6) NULL,
  origin char(3) NOT NULL,
  dest char(3) NOT NULL,
  air_time smallint NULL,
  distance smallint NOT NULL,
  hour tinyint NOT NULL,
  minute tinyint NOT NULL,
  time_hour datetime2(0) NOT NULL
);
