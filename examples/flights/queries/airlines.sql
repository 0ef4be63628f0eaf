SELECT carrier, name FROM dbo.airlines
