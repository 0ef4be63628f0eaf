SELECT faa, name, lat, lon, alt, tz, dst, tzone FROM dbo.airports
