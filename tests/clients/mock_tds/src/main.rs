//! Microsoft's mock TDS server with a few answers, for tests of the client.
//!
//!     mock-tds plain|tls|strict [certificate.pem key.pem]
//!     mock-tds redirect HOST PORT      every login is sent there
//!
//! Prints the port it listens on (loopback) and serves until its standard input ends.

use mssql_mock_tds::{
    create_test_identity, ColumnDefinition, ColumnValue, MockTdsServer, QueryResponse, Row,
    SqlDataType, TerminalError,
};

fn integers() -> QueryResponse {
    let columns = vec![
        ColumnDefinition::new("t", SqlDataType::TinyInt),
        ColumnDefinition::new("s", SqlDataType::SmallInt),
        ColumnDefinition::new("i", SqlDataType::Int),
        ColumnDefinition::new("b", SqlDataType::BigInt),
    ];
    let rows = vec![
        Row::new(vec![
            ColumnValue::TinyInt(0),
            ColumnValue::SmallInt(i16::MIN),
            ColumnValue::Int(i32::MIN),
            ColumnValue::BigInt(i64::MIN),
        ]),
        Row::new(vec![
            ColumnValue::TinyInt(255),
            ColumnValue::SmallInt(i16::MAX),
            ColumnValue::Int(i32::MAX),
            ColumnValue::BigInt(i64::MAX),
        ]),
        Row::new(vec![
            ColumnValue::Null,
            ColumnValue::Null,
            ColumnValue::Null,
            ColumnValue::Null,
        ]),
    ];
    QueryResponse::new(columns, rows)
}

/// Values arrive in chunks of a size that splits surrogate pairs. The mock sends an answer as one packet: 32 KiB at most.
fn texts() -> QueryResponse {
    let columns = vec![
        ColumnDefinition::new("n", SqlDataType::NVarChar),
        ColumnDefinition::new("nm", SqlDataType::NVarCharMax),
        ColumnDefinition::new("bm", SqlDataType::VarBinaryMax),
    ];
    let long: Vec<u16> = "aé漢🦆".repeat(1000).encode_utf16().collect();
    let bytes: Vec<u8> = (0..8_000u32).map(|i| (i % 251) as u8).collect();
    let rows = vec![Row::new(vec![
        ColumnValue::NVarChar("Zürich 🦆".to_string()),
        ColumnValue::NVarCharMax(long.chunks(999).map(|c| c.to_vec()).collect()),
        ColumnValue::VarBinaryMax(bytes.chunks(777).map(|c| c.to_vec()).collect()),
    ])];
    QueryResponse::new(columns, rows)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let mode = arguments.get(1).map(String::as_str).unwrap_or("plain");
    let identity = || -> Result<_, Box<dyn std::error::Error>> {
        let certificate = std::fs::read(&arguments[2])?;
        let key = std::fs::read(&arguments[3])?;
        Ok(create_test_identity(&certificate, &key)?)
    };
    let server = match mode {
        "plain" => MockTdsServer::new("127.0.0.1:0").await?,
        "tls" => MockTdsServer::new_with_tls("127.0.0.1:0", Some(identity()?)).await?,
        "strict" => MockTdsServer::new_with_strict_tls("127.0.0.1:0", identity()?).await?,
        "redirect" => {
            let port = arguments[3].parse()?;
            MockTdsServer::new_with_redirection("127.0.0.1:0", arguments[2].as_str(), port).await?
        }
        _ => return Err(format!("{mode}: not plain, tls, strict or redirect").into()),
    };
    {
        let registry = server.query_registry();
        let mut registry = registry.lock().await;
        registry.register("SELECT * FROM INTS", integers());
        registry.register("SELECT * FROM TEXTS", texts());
        registry.register(
            "SELECT DEADLOCK",
            QueryResponse::error_only(TerminalError::new(1205, 13, "chosen as the deadlock victim")),
        );
    }
    println!("{}", server.local_addr().port());
    let (stop, stopped) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while matches!(std::io::stdin().read_line(&mut line), Ok(n) if n > 0) {}
        let _ = stop.send(());
    });
    server.run_with_shutdown(stopped).await?;
    Ok(())
}
